"""For tests: stores that other processes can open too."""
