"""Why a connection could not be made: libpq's and the server's words, the likely cause, and what to do about it.

One row per message that people meet; the first that fits counts. Knowledge as data: the doctor, the command line and
the troubleshooting page show the same rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WHERE_SECRETS_ARE = (
    "trimtab takes no password in a connection string. It finds one in a passfile (~/.pgpass, or passfile=FILE, with "
    "lines host:port:database:user:password and mode 0600), in a service file (service=NAME; ~/.pg_service.conf), or "
    "in an environment variable (postgresql://user:${NAME}@host/db, or env:NAME for the whole string)"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause: what it says about the connection, and what to try. `pattern` is looked for in the message."""

    name: str
    pattern: str
    cause: str
    remedy: str


CAUSES: tuple[Cause, ...] = (
    Cause(
        "service_unknown",
        r'definition of service "[^"]*" not found',
        "the service file has no section of that name, or was not found where libpq looks",
        "libpq reads ~/.pg_service.conf of the user who runs trimtab, or the file that PGSERVICEFILE names: put "
        "[NAME] with host, port, dbname and user there",
    ),
    Cause(
        "service_file_broken",
        r"syntax error in service file|service file .* not found",
        "the service file is not there or cannot be read",
        "look at the line it names; PGSERVICEFILE and ~/.pg_service.conf are where libpq looks",
    ),
    Cause(
        "host_unknown",
        r"could not translate host name|Name or service not known|failed to resolve host|nodename nor servname"
        r"|Temporary failure in name resolution",
        "the host's name is not known on this machine",
        "check the spelling, DNS and /etc/hosts; try the address instead of the name",
    ),
    Cause(
        "no_socket",
        r"socket .* failed: No such file or directory",
        "without a host, libpq looks for a Unix socket on this machine, and there is none for that port",
        "name the host (postgresql://user@HOST:PORT/database), or host=/folder/of/the/socket",
    ),
    Cause(
        "refused",
        r"Connection refused",
        "the machine answers, but nothing listens on that port",
        "is PostgreSQL running, is the port right (SHOW port), and does listen_addresses hold more than localhost "
        "(SHOW listen_addresses)?",
    ),
    Cause(
        "silent",
        r"timeout expired|connection timeout|Connection timed out|No route to host|Network is unreachable"
        r"|did not answer within",
        "nothing answers at that address: a firewall or security group drops the packets, or the address is wrong",
        "from this machine, try: pg_isready -h HOST -p PORT; then let the port through",
    ),
    Cause(
        "no_hba_entry",
        r"no pg_hba\.conf entry",
        "the server's pg_hba.conf has no line for this role, database and address (or only one for the other kind of "
        "encryption: see the end of the message)",
        "a DBA adds a line such as: hostssl DATABASE ROLE ADDRESS/32 scram-sha-256   and runs SELECT pg_reload_conf();",
    ),
    Cause(
        "hba_rejects",
        r"pg_hba\.conf rejects",
        "a line with 'reject' in the server's pg_hba.conf meets this role, database and address",
        "a DBA puts a line for trimtab's role before it, and runs SELECT pg_reload_conf();",
    ),
    Cause(
        "no_port",
        r"invalid port number",
        "the port of the connection string is none",
        "a port is a number from 1 to 65535; PostgreSQL's is 5432 if nobody changed it",
    ),
    Cause(
        "no_password_found",
        r"no password supplied",
        "the server wants a password, and none was found where the reference points",
        "a role that was just made has none: a DBA sets one with \\password ROLE in psql. " + WHERE_SECRETS_ARE,
    ),
    Cause(
        "wrong_password",
        r"password authentication failed|empty password returned",
        "the password that was found is not the role's, or the role has none (the server says the same for both)",
        "a DBA sets one with \\password ROLE in psql. " + WHERE_SECRETS_ARE,
    ),
    Cause(
        "peer",
        r"(Peer|Ident) authentication failed",
        "over the Unix socket the server compares the role with the operating system's user, and they differ",
        "connect by TCP (host=127.0.0.1), or let a DBA add the pair to pg_ident.conf",
    ),
    Cause(
        "role_unknown",
        r'role "[^"]*" does not exist',
        "the server has no such role",
        "trimtab roles prints the script that makes trimtab's roles",
    ),
    Cause(
        "no_login",
        r"is not permitted to log in",
        "the role exists and may not log in",
        "a DBA runs: ALTER ROLE name LOGIN;",
    ),
    Cause(
        "database_unknown",
        r'database "[^"]*" does not exist',
        "the server has no such database (without one, libpq takes the role's name)",
        "psql -l lists the databases; name one at the end of the URL or with dbname=",
    ),
    Cause(
        "no_connect_privilege",
        r"permission denied for database|User does not have CONNECT privilege",
        "the role may not enter this database",
        "a DBA runs: GRANT CONNECT ON DATABASE name TO role;",
    ),
    Cause(
        "certificate_host",
        r"server certificate for .* does not match host name",
        "the server's certificate was made for another name (sslmode=verify-full compares them)",
        "connect by the name in the certificate, or give the server one for this name",
    ),
    Cause(
        "certificate_unknown",
        r"certificate verify failed|unable to get local issuer|self[- ]signed certificate|root certificate file",
        "the server's certificate is not signed by an authority that this machine was told to trust",
        "name the authority's file with sslrootcert=FILE (or put it at ~/.postgresql/root.crt)",
    ),
    Cause(
        "no_tls",
        r"server does not support SSL",
        "the connection string asks for TLS, and the server has it switched off",
        "a DBA sets ssl = on with a certificate; or, on a network that you trust, sslmode=prefer",
    ),
    Cause(
        "client_key_mode",
        r"private key file .* has group or world access",
        "the key of the client certificate can be read by others, so libpq refuses it",
        "chmod 0600 on the key file",
    ),
    Cause(
        "full",
        r"too many connections|too many clients|remaining connection slots are reserved",
        "every connection that the server (or role, or database) allows is in use",
        "trimtab needs up to three at once: raise max_connections, or the role's CONNECTION LIMIT",
    ),
    Cause(
        "starting",
        r"the database system is (starting up|shutting down|in recovery mode)|not yet accepting connections",
        "the server is starting, stopping or recovering",
        "try again in a moment; its log says how far it is",
    ),
    Cause(
        "pooler",
        r"unsupported startup parameter|server login has been failing|no such (user|database):|bouncer config error",
        "a pooler (such as PgBouncer) stands between, and refuses",
        "connect to the server itself: trimtab looks at one server, and its session settings do not survive a pooler",
    ),
    Cause(
        "broke_off",
        r"server closed the connection unexpectedly|Connection reset by peer|EOF detected|SSL SYSCALL",
        "the other side hung up before it said anything: no PostgreSQL listens there, or a proxy or TLS in between "
        "does not fit",
        "check the port, and sslmode=require where a proxy wants TLS",
    ),
    Cause(
        "old_scram",
        r"SCRAM authentication requires libpq|authentication method \d+ not supported|GSSAPI",
        "the server asks for a kind of authentication that this client cannot do",
        "let pg_hba.conf ask trimtab's roles for scram-sha-256 or a certificate",
    ),
)


def cause_of(message: str) -> Cause | None:
    """The likely cause behind an error message of a connection, or None.

    >>> cause_of('connection to server at "127.0.0.1", port 1 failed: Connection refused').name
    'refused'
    >>> cause_of("something else") is None
    True
    """
    return next((cause for cause in CAUSES if re.search(cause.pattern, message)), None)
