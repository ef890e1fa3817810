"""Side-by-side measurements of Pynenc and its peers. Start them with `./dev bench`; README.md says how to read them."""
