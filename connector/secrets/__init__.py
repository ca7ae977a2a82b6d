"""Secrets: given by reference, sealed under keys that change, sent to listed hosts alone."""
