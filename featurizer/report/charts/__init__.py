"""Charts: what is drawn, as data; drawn by matplotlib into the page and into PNG files."""
