"""Signals: what is noticed becomes a row once, is written to the CRM, told, and acted upon by the policy."""
