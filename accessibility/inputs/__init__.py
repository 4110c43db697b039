"""Files of the outside world -> tables; the only room that reads them."""
