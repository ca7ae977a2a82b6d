"""The check service: what the plugins inside the CRMs call."""

from connector.api.app import create_app

__all__ = ["create_app"]
