"""How long will the battery last? A closed form over the energy model: no event loop, an answer in a second."""
