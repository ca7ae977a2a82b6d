"""Channels by which people are told of signals: webhook, e-mail, 企业微信 and 钉钉 group robots."""
