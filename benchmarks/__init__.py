"""Benchmarks that anyone can run again; never imported by the package."""
