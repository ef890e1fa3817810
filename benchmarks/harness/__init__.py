"""Runs one measure of one peer: starts its workers and its client, and watches their processes."""
