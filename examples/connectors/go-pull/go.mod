module connector

go 1.19
