"""34 provincial procedure systems in one service: reception, fees, processing, results, and withdrawals."""
