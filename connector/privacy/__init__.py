"""What the law wants of personal data: the ground for asking, a person's review, the end of keeping."""
