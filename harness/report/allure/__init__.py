"""Allure: one value for each scenario, two writers that render it, and the single-file report."""
