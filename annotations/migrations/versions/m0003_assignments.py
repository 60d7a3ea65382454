"""The drawn plan: which rater reads which case when, and which output stands under which letter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_assignments"
down_revision = "0002_studies"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "assignments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("membership_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("practice", sa.Boolean(), nullable=False),
        sa.Column("duplicate_of_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_assignments_case_id")),
        sa.ForeignKeyConstraint(["duplicate_of_id"], ["assignments.id"], name=op.f("fk_assignments_duplicate_of_id")),
        sa.ForeignKeyConstraint(["membership_id"], ["memberships.id"], name=op.f("fk_assignments_membership_id")),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_assignments_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        sa.UniqueConstraint("key", name=op.f("uq_assignments_key")),
        sa.UniqueConstraint("membership_id", "place", name=op.f("uq_assignments_membership_id_place")),
    )
    op.create_index(op.f("ix_assignments_study_id"), "assignments", ["study_id"], unique=False)
    op.create_table(
        "assignment_outputs",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("letter", sa.String(length=1), nullable=False),
        sa.Column("output_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignments.id"], name=op.f("fk_assignment_outputs_assignment_id")
        ),
        sa.ForeignKeyConstraint(["output_id"], ["outputs.id"], name=op.f("fk_assignment_outputs_output_id")),
        sa.PrimaryKeyConstraint("assignment_id", "letter", name=op.f("pk_assignment_outputs")),
    )
    op.create_index(op.f("ix_assignment_outputs_output_id"), "assignment_outputs", ["output_id"], unique=False)


def downgrade() -> None:
    """Remove the tables and what is in them."""
    op.drop_table("assignment_outputs")
    op.drop_table("assignments")
