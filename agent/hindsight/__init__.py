"""The same rules over the past: backtest, audit, and whether the protocol still fits."""
