-- One database per service, owned by a role of the same name. PostgreSQL runs this file when its volume is empty.
-- The passwords are in files, so they appear neither here nor in a command line.
\set portal `cat /run/lienthong/PORTAL_DATABASE_PASSWORD`
\set province_gateway `cat /run/lienthong/PROVINCE_GATEWAY_DATABASE_PASSWORD`
\set identity `cat /run/lienthong/IDENTITY_DATABASE_PASSWORD`
\set payment `cat /run/lienthong/PAYMENT_DATABASE_PASSWORD`
SET log_min_error_statement = panic; -- a statement with a password must not be logged if it fails
CREATE ROLE portal LOGIN PASSWORD :'portal';
CREATE ROLE province_gateway LOGIN PASSWORD :'province_gateway';
CREATE ROLE identity LOGIN PASSWORD :'identity';
CREATE ROLE payment LOGIN PASSWORD :'payment';
CREATE DATABASE portal OWNER portal;
CREATE DATABASE province_gateway OWNER province_gateway;
CREATE DATABASE identity OWNER identity;
CREATE DATABASE payment OWNER payment;
