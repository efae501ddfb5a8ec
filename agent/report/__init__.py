"""The report: one file that needs no network and no program to be read, printed and kept."""
