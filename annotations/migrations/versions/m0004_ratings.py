"""What raters do: times, drafts and submitted answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_ratings"
down_revision = "0003_assignments"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "timings",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shown_at", sa.String(length=27), nullable=False),
        sa.Column("first_interaction_at", sa.String(length=27), nullable=True),
        sa.Column("last_activity_at", sa.String(length=27), nullable=False),
        sa.Column("submitted_at", sa.String(length=27), nullable=True),
        sa.Column("active_s", sa.Double(), nullable=False),
        sa.Column("display", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_timings_assignment_id")),
        sa.PrimaryKeyConstraint("assignment_id", "stage", name=op.f("pk_timings")),
    )
    op.create_table(
        "drafts",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_drafts_assignment_id")),
        sa.PrimaryKeyConstraint("assignment_id", "stage", name=op.f("pk_drafts")),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=True),
        sa.Column("output_id", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("(assignment_id IS NULL) <> (output_id IS NULL)", name=op.f("ck_revisions_subject")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_revisions_assignment_id")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_revisions_author_id")),
        sa.ForeignKeyConstraint(["output_id"], ["outputs.id"], name=op.f("fk_revisions_output_id")),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_revisions_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
        sa.UniqueConstraint("assignment_id", "kind", "number", name=op.f("uq_revisions_assignment_id_kind_number")),
        sa.UniqueConstraint("key", name=op.f("uq_revisions_key")),
        sa.UniqueConstraint("output_id", "kind", "number", name=op.f("uq_revisions_output_id_kind_number")),
    )
    op.create_index(op.f("ix_revisions_study_id"), "revisions", ["study_id"], unique=False)


def downgrade() -> None:
    """Remove the tables and what is in them."""
    op.drop_table("revisions")
    op.drop_table("drafts")
    op.drop_table("timings")
