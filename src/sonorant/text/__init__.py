"""Text to symbols: normalisation, pronunciation, symbol tables; no torch."""
