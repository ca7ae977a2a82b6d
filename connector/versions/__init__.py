"""Versions of the policy: putting one in force, comparing two, replaying what one said."""
