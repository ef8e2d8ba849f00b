"""Receipts of pages."""
