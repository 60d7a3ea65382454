"""What a lock froze stays as it is: triggers refuse to change the design, cases, arms, outputs and assignments."""

from __future__ import annotations

from alembic import op

revision = "0007_locked_design"
down_revision = "0006_append_only"

_OF_STUDY = ("cases", "arms", "outputs", "assignments")
_OF_ANOTHER = {
    "case_traces": "(SELECT study_id FROM cases WHERE id = {row}.case_id)",
    "assignment_outputs": "(SELECT study_id FROM assignments WHERE id = {row}.assignment_id)",
}


def _guarded() -> dict[str, str]:
    return {**dict.fromkeys(_OF_STUDY, "{row}.study_id"), **_OF_ANOTHER}


_STUDY_CHANGES = (
    "OLD.state <> 'draft' AND (NEW.state = 'draft' OR NEW.design <> OLD.design OR NEW.rubric <> OLD.rubric "
    "OR NEW.lock_sha256 <> OLD.lock_sha256 OR NEW.lock_sha256 IS NULL)"
)


def _study_trigger(postgresql: bool) -> None:
    name, message = "studies_locked_update", "the study is locked: studies"
    if postgresql:
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {_STUDY_CHANGES} THEN "
            f"RAISE EXCEPTION '{message}'; END IF; RETURN NEW; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON studies FOR EACH ROW EXECUTE FUNCTION {name}()")
    else:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE UPDATE ON studies WHEN {_STUDY_CHANGES} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )


def upgrade() -> None:
    """Make the triggers."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    _study_trigger(postgresql)
    for table, study in _guarded().items():
        for act, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")):
            is_locked = f"EXISTS (SELECT 1 FROM studies WHERE id = {study.format(row=row)} AND state <> 'draft')"
            name = f"{table}_locked_{act.lower()}"
            if postgresql:
                op.execute(
                    f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {is_locked} THEN "
                    f"RAISE EXCEPTION 'the study is locked: {table}'; END IF; RETURN {row}; END $$"
                )
                op.execute(f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
            else:
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {act} ON {table} WHEN {is_locked} "
                    f"BEGIN SELECT RAISE(ABORT, 'the study is locked: {table}'); END"
                )


def downgrade() -> None:
    """Remove the triggers."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("DROP TRIGGER studies_locked_update" + (" ON studies" if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION studies_locked_update()")
    for table in _guarded():
        for act in ("insert", "update", "delete"):
            name = f"{table}_locked_{act}"
            op.execute(f"DROP TRIGGER {name} ON {table}" if postgresql else f"DROP TRIGGER {name}")
            if postgresql:
                op.execute(f"DROP FUNCTION {name}()")
