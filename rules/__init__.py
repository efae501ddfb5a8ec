"""The core: pure functions from timelines to intervals. No I/O, no clock; time is an argument."""
