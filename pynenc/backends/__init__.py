"""Where it is kept: one folder for each product."""
