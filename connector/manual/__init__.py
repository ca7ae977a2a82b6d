"""The written system (制度): the policy in force, roles, calendar and procedures as a manual for people.

``form`` is what a manual is made of, ``policy_text`` and ``clauses`` put the policy into words, ``frame``
adds roles, procedures and history, ``html`` and ``docx`` write it.
"""

from connector.manual.frame import manual

__all__ = ["manual"]
