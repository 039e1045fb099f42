/** What is written under keys: the answer is 1 KB of JSON, and the body is read. */
import express, { type Express, type RequestHandler } from 'express';
import { ANSWER, addRoutes } from './routes.ts';

export const readBody: RequestHandler = express.json();

export function addKeyedRoutes(app: Express): void {
  addRoutes(app);
  app.post('/', (_req, res) => {
    res.status(201).json(ANSWER);
  });
}
