"""The citizen pages of the portal: catalogue, application, dossiers. Templates lie beside their routes."""
