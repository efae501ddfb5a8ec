"""Webhooks that hoist takes."""
