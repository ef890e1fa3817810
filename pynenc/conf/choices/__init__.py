"""The choices a builder offers, by subject; each method writes settings and gives the builder back."""
