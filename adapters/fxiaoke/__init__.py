"""Fxiaoke 纷享销客: the adapter for its OpenAPI."""
