"""Conduct: what people record about a customer where no CRM has a field for it.

Invariant: every entry has an author and a reason, is journalled with its end, and takes a role; what is
recorded is a fact for the policy to judge by, never a verdict.
"""
