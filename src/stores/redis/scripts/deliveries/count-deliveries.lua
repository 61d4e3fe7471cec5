-- How many deliveries are pending, and how many dead.

return { rcall('ZCARD', P .. delivery_set('', '', 'pending')), rcall('ZCARD', P .. delivery_set('', '', 'dead')) }
