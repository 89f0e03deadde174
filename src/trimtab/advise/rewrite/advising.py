"""The advice on one statement: the cheapest form whose certificate holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.apply import hints_of
from trimtab.advise.rewrite.certify import CertifySettings, certify
from trimtab.advise.rewrite.knowledge import Knowledge, read_knowledge
from trimtab.advise.rewrite.model import Certificate, Hint, Rewrite
from trimtab.advise.rewrite.pricing import CALLS_MAX, cheaper_forms
from trimtab.model.errors import StatementRefused
from trimtab.sql.trees import single_statement


@dataclass(frozen=True, slots=True)
class RewriteSettings:
    """Bounds: so many forms of a statement get a certificate, the cheapest first, until one holds."""

    forms_max: int = 4
    calls_max: int = CALLS_MAX
    certify: CertifySettings = field(default_factory=CertifySettings)


@dataclass(frozen=True, slots=True)
class Certified:
    """A form with its certificate."""

    rewrite: Rewrite
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class RewriteAdvice:
    """`best` is the form that is advised; `tried` are all that got a certificate. `refused` says why none could be."""

    best: Certified | None
    tried: tuple[Certified, ...] = ()
    hints: tuple[Hint, ...] = ()
    refused: str = ""


def advise_rewrite(
    statement: str,
    connection: Connection,
    *,
    private: Connection | None = None,
    run: bool = False,
    settings: RewriteSettings | None = None,
    knowledge: Knowledge | None = None,
) -> RewriteAdvice:
    """The cheapest form of a statement whose certificate holds, and which was measured.

    `run` allows both forms to be executed on `connection`, read-only and limited in time; `private` is a database for
    small tables, see `certify`. Without both nothing is compared, and nothing is advised: what would be possible is in
    `tried`.
    """
    chosen = settings or RewriteSettings()
    try:
        known = knowledge or read_knowledge(connection, [single_statement(statement)])
        hints = tuple(hints_of(statement, known))
        forms = cheaper_forms(statement, known, connection, calls_max=chosen.calls_max)
    except StatementRefused as error:
        return RewriteAdvice(None, refused=error.message)
    tried: list[Certified] = []
    for form in forms[: chosen.forms_max]:
        certificate = certify(
            form.rewrite, known, connection, run_on_real_data=run, private=private, settings=chosen.certify
        )
        tried.append(Certified(form.rewrite, certificate))
        if certificate.is_advisable:
            return RewriteAdvice(tried[-1], tuple(tried), hints)
    return RewriteAdvice(None, tuple(tried), hints)
