"""Figures as functions from result tables to matplotlib figures."""
