"""Tests of Tunescope."""
