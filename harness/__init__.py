"""Training, evaluation and grid running for recurrent video super-resolution."""
