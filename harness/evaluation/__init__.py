"""Frame-by-frame evaluation of networks on set folders."""
