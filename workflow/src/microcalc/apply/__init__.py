"""Frozen models on a new cohort: predicted and registered first, evaluated when labels come."""
