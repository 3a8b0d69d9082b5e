-- One database per service; PostgreSQL runs this when its volume is new.
CREATE DATABASE portal;
CREATE DATABASE province_gateway;
CREATE DATABASE identity;
CREATE DATABASE payment;
