"""34 provincial procedure systems in one house: reception, fees, processing, results, answers to withdrawals."""
