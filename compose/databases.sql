-- One database per service. PostgreSQL runs this file when its volume is empty.
CREATE DATABASE portal;
CREATE DATABASE province_gateway;
CREATE DATABASE identity;
CREATE DATABASE payment;
