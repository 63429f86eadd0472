//! NIF, NIE, CIF and DIR3.
