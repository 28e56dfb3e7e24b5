"""The colors of every figure, and of the contact sheets."""

# Okabe M, Ito K. Color Universal Design, 2008: told apart by readers with any color vision.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"

GREY = "#6E6E6E"
PALE = "#C9C9C9"
NEGATIVE = SKY
POSITIVE = PURPLE
