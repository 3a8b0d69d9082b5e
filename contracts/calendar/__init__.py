"""Working days, desk hours and limits, as Decree 61/2018 counts them."""
