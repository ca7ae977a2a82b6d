"""Ledgers: ``importing`` reads their files, ``receivables`` says what is open, ``reconcile`` where the CRMs
say something else.
"""
