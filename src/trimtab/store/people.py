"""People, tokens and sessions in the state database. Rules (who may, how long, how often) are `app.access`."""

from __future__ import annotations

import sqlite3

from trimtab.model.access import Role, Session, Token, User
from trimtab.model.errors import ConflictError, NotFound
from trimtab.store.state_database import StateDatabase

ROWS_MAX = 1000
"""People and tokens that are listed; more cannot be made."""

_USER = "name, role, added_by, added_at_ms, password_set_at_ms, last_login_at_ms"
_TOKEN = "id, name, role, prefix, created_by, created_at_ms, expires_at_ms, last_used_at_ms, revoked_at_ms"  # noqa: S105


class People:
    """The tables `users`, `tokens` and `sessions`. Names of people and tokens do not differ by case alone."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    # --- people

    def users(self) -> tuple[User, ...]:
        """All people, by name."""
        return tuple(map(_user, self._db.rows(f"SELECT {_USER} FROM users ORDER BY name LIMIT ?", (ROWS_MAX,))))

    def user(self, name: str) -> User:
        """One person; `NotFound` when there is none with this name."""
        rows = self._db.rows(f"SELECT {_USER} FROM users WHERE name = ?", (name,))
        if not rows:
            raise NotFound(f"there is no user named {name!r}", user=name)
        return _user(rows[0])

    def password_hash(self, name: str) -> str | None:
        """The argon2 hash; None when there is no such person."""
        rows = self._db.rows("SELECT password_hash FROM users WHERE name = ?", (name,))
        return str(rows[0]["password_hash"]) if rows else None

    def admins_count(self) -> int:
        """How many people are admins."""
        return int(self._db.rows("SELECT count(*) AS n FROM users WHERE role = 'admin'")[0]["n"])

    def add_user(self, user: User, password_hash: str) -> None:
        """`ConflictError` when the name is taken, or there are too many."""
        with self._db.transaction() as db:
            if self._db.rows("SELECT 1 FROM users WHERE name = ?", (user.name,)):
                raise ConflictError(f"there is a user named {user.name!r} already", user=user.name)
            if self._db.rows("SELECT count(*) AS n FROM users")[0]["n"] >= ROWS_MAX:
                raise ConflictError(f"there are {ROWS_MAX} users already", limit=ROWS_MAX)
            db.execute(
                "INSERT INTO users (name, role, password_hash, added_by, added_at_ms, password_set_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (user.name, user.role.value, password_hash, user.added_by, user.added_at_ms, user.password_set_at_ms),
            )

    def set_password(self, name: str, password_hash: str, now_ms: int) -> None:
        """A new password ends every session of its owner."""
        with self._db.transaction() as db:
            self._changed(
                db.execute(
                    "UPDATE users SET password_hash = ?, password_set_at_ms = ? WHERE name = ?",
                    (password_hash, now_ms, name),
                ),
                name,
            )
            db.execute("DELETE FROM sessions WHERE user = ?", (name,))

    def rehash(self, name: str, old_hash: str, new_hash: str) -> None:
        """The same password with today's cost; sessions stay."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE users SET password_hash = ? WHERE name = ? AND password_hash = ?", (new_hash, name, old_hash)
            )

    def set_role(self, name: str, role: Role, *, keep_an_admin: bool) -> None:
        """Sessions stay and have the new role at once."""
        with self._db.transaction() as db:
            self._changed(db.execute("UPDATE users SET role = ? WHERE name = ?", (role.value, name)), name)
            self._check_admins(keep_an_admin, name)

    def remove_user(self, name: str, *, keep_an_admin: bool) -> None:
        """The sessions go with the person; the ledger and the audit keep the name."""
        with self._db.transaction() as db:
            self._changed(db.execute("DELETE FROM users WHERE name = ?", (name,)), name)
            self._check_admins(keep_an_admin, name)

    def _changed(self, done: sqlite3.Cursor, name: str) -> None:
        if done.rowcount == 0:
            raise NotFound(f"there is no user named {name!r}", user=name)

    def _check_admins(self, keep_an_admin: bool, name: str) -> None:
        if keep_an_admin and self.admins_count() == 0:
            raise ConflictError(f"{name!r} is the last admin: make another one first", user=name)

    # --- tokens

    def tokens(self) -> tuple[Token, ...]:
        """All tokens, newest first, revoked ones too."""
        rows = self._db.rows(f"SELECT {_TOKEN} FROM tokens ORDER BY id DESC LIMIT ?", (ROWS_MAX,))
        return tuple(map(_token, rows))

    def token(self, token_id: int) -> Token:
        """One token; `NotFound` when there is none with this number."""
        rows = self._db.rows(f"SELECT {_TOKEN} FROM tokens WHERE id = ?", (token_id,))
        if not rows:
            raise NotFound(f"there is no token {token_id}", token_id=token_id)
        return _token(rows[0])

    def token_by_hash(self, secret_hash: str) -> Token | None:
        """The token with this secret, revoked and expired ones too."""
        rows = self._db.rows(f"SELECT {_TOKEN} FROM tokens WHERE secret_hash = ?", (secret_hash,))
        return _token(rows[0]) if rows else None

    def add_token(self, token: Token, secret_hash: str) -> Token:
        """Keep it; gives it back with its number. `ConflictError` when one of this name is alive."""
        with self._db.transaction() as db:
            if self._db.rows("SELECT 1 FROM tokens WHERE name = ? AND revoked_at_ms IS NULL", (token.name,)):
                raise ConflictError(f"there is a token named {token.name!r} already: revoke it first", token=token.name)
            if self._db.rows("SELECT count(*) AS n FROM tokens WHERE revoked_at_ms IS NULL")[0]["n"] >= ROWS_MAX:
                raise ConflictError(f"there are {ROWS_MAX} tokens already", limit=ROWS_MAX)
            made = db.execute(
                "INSERT INTO tokens (name, role, secret_hash, prefix, created_by, created_at_ms, expires_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (
                    token.name,
                    token.role.value,
                    secret_hash,
                    token.prefix,
                    token.created_by,
                    token.created_at_ms,
                    token.expires_at_ms,
                ),
            ).fetchone()
            return self.token(made["id"])

    def revoke_token(self, token_id: int, now_ms: int) -> Token:
        """Again is no error: the first moment stays."""
        with self._db.transaction() as db:
            db.execute("UPDATE tokens SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE id = ?", (now_ms, token_id))
            return self.token(token_id)

    def token_used(self, token_id: int, now_ms: int) -> None:
        """Remember when it was used last."""
        with self._db.transaction() as db:
            db.execute("UPDATE tokens SET last_used_at_ms = ? WHERE id = ?", (now_ms, token_id))

    # --- sessions

    def add_session(self, session: Session, *, per_user_max: int) -> None:
        """Keep it; the user's oldest go beyond `per_user_max`, and everything that is over."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM sessions WHERE expires_at_ms <= ?", (session.started_at_ms,))
            db.execute(
                "INSERT INTO sessions (id, user, csrf, started_at_ms, seen_at_ms, expires_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    session.id,
                    session.user,
                    session.csrf,
                    session.started_at_ms,
                    session.seen_at_ms,
                    session.expires_at_ms,
                ),
            )
            db.execute(
                "DELETE FROM sessions WHERE user = ? AND id NOT IN"
                " (SELECT id FROM sessions WHERE user = ? ORDER BY seen_at_ms DESC, rowid DESC LIMIT ?)",
                (session.user, session.user, per_user_max),
            )
            db.execute("UPDATE users SET last_login_at_ms = ? WHERE name = ?", (session.started_at_ms, session.user))

    def session(self, session_id: str) -> Session | None:
        """The session with this hash, with its user's role of now; over ones too."""
        rows = self._db.rows(
            "SELECT sessions.id, users.name AS user, users.role, csrf, started_at_ms, seen_at_ms, expires_at_ms"
            " FROM sessions JOIN users ON users.name = sessions.user WHERE sessions.id = ?",
            (session_id,),
        )
        return _session(rows[0]) if rows else None

    def session_seen(self, session_id: str, now_ms: int) -> None:
        """Remember when it was used last."""
        with self._db.transaction() as db:
            db.execute("UPDATE sessions SET seen_at_ms = max(seen_at_ms, ?) WHERE id = ?", (now_ms, session_id))

    def end_session(self, session_id: str) -> None:
        """Log out; again is no error."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))


def _user(row: sqlite3.Row) -> User:
    return User(
        row["name"],
        Role(row["role"]),
        row["added_by"],
        row["added_at_ms"],
        row["password_set_at_ms"],
        row["last_login_at_ms"],
    )


def _token(row: sqlite3.Row) -> Token:
    return Token(
        row["id"],
        row["name"],
        Role(row["role"]),
        row["prefix"],
        row["created_by"],
        row["created_at_ms"],
        row["expires_at_ms"],
        row["last_used_at_ms"],
        row["revoked_at_ms"],
    )


def _session(row: sqlite3.Row) -> Session:
    return Session(
        row["id"],
        row["user"],
        Role(row["role"]),
        row["csrf"],
        row["started_at_ms"],
        row["seen_at_ms"],
        row["expires_at_ms"],
    )
