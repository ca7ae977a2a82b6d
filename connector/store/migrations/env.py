"""Alembic's entry: it migrates on the connection that it is given."""

from alembic import context

from connector.store import tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=tables.connection.metadata, render_as_batch=True)
context.run_migrations()
