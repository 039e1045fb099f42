/** What the landing page does. The service bundles it, with the client of its sockets, into one script. */
import { startSearch } from './search.ts';
import { startTrips } from './trip.ts';

startSearch();
startTrips();
