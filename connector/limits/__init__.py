"""Limits that people set or ask for, what bounds them, and a CRM's own limits that decide (quotas)."""
