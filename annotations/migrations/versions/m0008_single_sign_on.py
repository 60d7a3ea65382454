"""Links of users with an identity provider, and when it last confirmed whose a log-in is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_single_sign_on"
down_revision = "0007_locked_design"


def upgrade() -> None:
    """Make the table and the column."""
    op.create_table(
        "identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("linked_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identities_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_identities_issuer_subject")),
        sa.UniqueConstraint("user_id", "issuer", name=op.f("uq_identities_user_id_issuer")),
    )
    op.add_column("logins", sa.Column("confirmed_at", sa.String(length=27), nullable=True))


def downgrade() -> None:
    """Remove the column and the table with its links; whoever has no password needs a new invitation."""
    op.drop_column("logins", "confirmed_at")
    op.drop_table("identities")
