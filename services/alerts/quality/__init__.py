"""How good a clinic's alerts are: figures that the command and the board have from one source."""
